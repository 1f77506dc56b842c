"""The Rasa side: understanding and dialogue. Only `bot.normalise` (stdlib) may be imported from outside."""
