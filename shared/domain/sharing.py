"""Default indexes and prompts: everybody reads them, nobody who calls the API changes them."""

SHARED_TENANT = "shared-defaults"
