"""Services of AWS that are not embedded: moto's, in a process of their own, and what they deliver to the rest."""
