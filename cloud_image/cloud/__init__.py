"""Short-lived calls to the cloud: the only place that imports boto3, besides the sync of models."""
