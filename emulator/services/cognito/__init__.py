"""Amazon Cognito's user pools: pools, clients, users, sign-up, sign-in, tokens; all pure but `service` and `keys`.

Ours, since what functions rely on is exact: passwords that count, triggers that run, tokens with AWS's claims.
"""
