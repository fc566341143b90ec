"""Files to frames and samples, and back. This room knows clocks and planes; it knows no faces and no speech."""
