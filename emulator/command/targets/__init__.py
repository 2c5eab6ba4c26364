"""What is emulated: which project and target are meant, and that target ready to run."""
