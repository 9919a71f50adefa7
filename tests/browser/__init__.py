"""What a person sees and does in a real browser: needs Chromium, so `make test-browser` runs it apart."""
