"""Frames to face tracks: detection, landmarks, tracking. Knows geometry, knows no speech."""
