"""Real boto3 clients against a local STS and S3, or against moto."""

ROLE = "arn:aws:iam::123456789012:role/Reader"
OTHER_ROLE = "arn:aws:iam::210987654321:role/team/Writer"
