# The bucket is made, versioned, by `make deploy` before the first plan.
terraform {
  backend "gcs" {
    prefix = "videovector"
  }
}
