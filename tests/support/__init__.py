"""What several test folders build with: tiny models, pictures in memory, the command as a user runs it."""
