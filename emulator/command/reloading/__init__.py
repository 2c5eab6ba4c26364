"""Code and templates that change while they are emulated: noticed, tried, taken up, and what of them is not."""
