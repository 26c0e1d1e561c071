"""The arms of a comparison, one folder each, the kinds of method that they are of, and procedures of workflows.

An arm is ``<name>/method.yaml`` (its kind, in words what differs, and the keys of the experiment that it replaces) with
its ``README.md``; a kind is a module of :mod:`baselines.kinds`, a way to sample in several turns one of
:mod:`baselines.procedures`.
"""
