"""What needs a cluster; `make test-cluster` alone runs it, since it makes one of this machine and removes it again."""
