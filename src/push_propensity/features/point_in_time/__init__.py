"""The check that no feature looks ahead: what came later is scrambled, earlier rows must stay."""
