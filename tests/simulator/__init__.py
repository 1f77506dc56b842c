"""The promises of the simulator: real webhooks and signatures, the platforms' answers, faults, a page that escapes."""
