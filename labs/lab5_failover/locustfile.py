"""Lab 5's load: lab 4's visitors."""

from __future__ import annotations

from labs.lab4_many_copies.locustfile import PatientVisitor

__all__ = ["PatientVisitor"]
