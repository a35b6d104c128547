"""The OpenAPI document of the product, made of the families' route lists and the models these name."""
