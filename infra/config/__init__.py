"""The configuration of the servers, and what runs in their boxes. Both runtimes read it."""
