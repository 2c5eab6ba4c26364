"""Projects from their templates: CloudFormation, SAM, CDK and Serverless read into a topology."""
