"""What deployment tools ask of AWS: CloudFormation, and the management APIs of API Gateway and Lambda."""
