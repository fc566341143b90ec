"""talkingface: re-speak a video of a person with a new recording."""
