"""Reports of the back office: of a day, of a month, and made to order."""
