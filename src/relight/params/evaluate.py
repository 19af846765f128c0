"""The `evaluate` section: empty today, a section all the same, so that every stage has one."""

from relight.params.section import Section


class EvaluateParams(Section):
    pass
