"""Each check is proved here: it rejects a service with one deliberate mistake, in words that help."""
