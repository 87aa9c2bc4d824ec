"""What is wrong with an installation: one function for each thing to check, which returns findings.

Nothing here changes anything: no setting, file, row, grant or session of a broker. docs/doctor.md has all
findings; a test holds it equal to `catalogue.KINDS`.
"""

from catflap.checks.catalogue import KINDS
from catflap.checks.examination import Examination, examine
from catflap.checks.finding import Finding, Kind, Registration, Severity

__all__ = ["KINDS", "Examination", "Finding", "Kind", "Registration", "Severity", "examine"]
