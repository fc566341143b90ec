"""VideoReTalking: canonical expression, spoken lips, refined detail (Cheng et al., SIGGRAPH Asia 2022)."""
