"""The image that machines are made from: built, tried, brought to the pool, and taken back."""
