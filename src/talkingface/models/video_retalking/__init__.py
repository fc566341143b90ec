"""VideoReTalking: make the expression canonical, speak the lips, refine the detail (Cheng et al., SIGGRAPH Asia 2022)."""
