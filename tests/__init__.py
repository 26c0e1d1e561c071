"""A package, so that tests share helpers: another distribution installs a package of the same name."""
