"""The entry point of messages: the gateway citizens' events arrive at, and the worker that answers them."""
