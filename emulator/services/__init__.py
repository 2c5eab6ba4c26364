"""Services of AWS beside the embedded ones: moto's, in a process of their own, and ours; what they deliver."""
