"""One picture of a person to frames of the person sitting for a camera: head, eyes and breath move, the mouth rests."""
