terraform {
  required_version = ">= 1.11, < 2" # write-only arguments keep secrets out of the state

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.40, < 8"
    }
    google-beta = {
      source  = "hashicorp/google-beta"
      version = ">= 6.40, < 8"
    }
  }
}

provider "google" {
  project               = var.project_id
  region                = var.region
  billing_project       = var.project_id
  user_project_override = true
}

provider "google-beta" {
  project               = var.project_id
  region                = var.region
  billing_project       = var.project_id
  user_project_override = true
}
