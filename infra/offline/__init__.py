"""Terraform without a cloud and without a registry: a provider that knows the real one's schema and nothing else.

It lets `terraform validate`, `plan` and `apply` be run on any machine with node's package manager: unknown arguments, missing
ones, wrong references and wrong types are found, and the plan can be read. What it cannot know is what Google's API itself would
refuse: values of enumerations, quotas, names that are taken.
"""
