"""Custom actions of the dialogue (rasa-sdk): read the message in context, open one transaction, call one service."""
