// A button at each program that copies it, without prompts and outputs.
"use strict";

const PROMPTS = { pycon: /^(>>>|\.\.\.) ?/, console: /^\$ ?/ };

function copied(block, code) {
  for (const [language, prompt] of Object.entries(PROMPTS)) {
    if (block.classList.contains(`highlight-${language}`)) {
      const lines = code
        .split("\n")
        .filter((line, i, all) => prompt.test(line) || all[i - 1]?.endsWith("\\"));
      return lines.map((line) => line.replace(prompt, "")).join("\n") + "\n";
    }
  }
  return code;
}

function addButton(block) {
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy the code");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(copied(block, block.querySelector("pre").innerText));
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  block.append(button);
}

document.addEventListener("DOMContentLoaded", () => {
  if (!navigator.clipboard) return; // without HTTPS
  const kinds = ["python", "pycon", "console"].map((name) => `.highlight-${name}`);
  document.querySelectorAll(kinds.join()).forEach(addButton);
});
