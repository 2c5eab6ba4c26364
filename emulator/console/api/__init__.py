"""What the page, `streamer tail` and programs ask the console for, and what it does for them."""
