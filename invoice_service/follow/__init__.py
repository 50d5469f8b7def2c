"""Follow another deployment's public log, as anybody can who has its address and its issuer's root key.

`site` fetches, `mirror` keeps files, `follower` decides. It needs no database, no chain and no keys.
"""
