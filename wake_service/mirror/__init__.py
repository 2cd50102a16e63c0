"""What the engines of a pool answered last, kept so that it can be answered while they sleep."""
