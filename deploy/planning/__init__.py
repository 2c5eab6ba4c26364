"""What has to be done, out of what is there and what should be; what of it is dangerous, or cannot be. All pure."""
