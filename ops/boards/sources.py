"""What panels can show beside logs and metrics: which columns each source gives.

Log Analytics has none of it, so what shows only logs has a word in its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ops.kql import Column


@dataclass(frozen=True, kw_only=True)
class Source:
    """Facts that the toolkit reads elsewhere than in logs and metrics."""

    columns: tuple[Column, ...]
    instead: str  # for whoever can't read them: what to type


def columns(**kinds: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, type=kind) for name, kind in kinds.items())


DRIFT = "The baseline lies beside the model: `invoke drift {at}`"
SOURCES: Mapping[str, Source] = {
    # What is deployed, and its weights, by the endpoint itself.
    "endpoint": Source(
        columns=columns(
            DeploymentName="string",
            TrafficPercent="long",
            MirrorPercent="long",
            State="string",
            Instances="long",
            InstanceType="string",
            Model="string",
        ),
        instead="The endpoint itself tells it: `invoke status {at}`",
    ),
    # The error budget of each objective of slo.yaml, over the objective's own time.
    "budgets": Source(
        columns=columns(
            Objective="string",
            TargetPercent="real",
            Requests="long",
            Bad="long",
            GoodPercent="real",
            BudgetLeftPercent="real",
        ),
        instead="",
    ),
    # How many times faster than allowed each budget is used up.
    "burn": Source(
        columns=columns(At="datetime", Objective="string", BurnRate="real"),
        instead="",
    ),
    # What the autoscale engine did, by the activity log.
    "activity": Source(
        columns=columns(
            At="datetime",
            DeploymentName="string",
            What="string",
            Before="long",
            After="long",
            Outcome="string",
            Text="string",
        ),
        instead="The activity log tells it: `invoke autoscale.history {at}`",
    ),
    # Alerts Management: alerts that fired in the time, whatever became of them.
    "alerts": Source(
        columns=columns(
            Fired="datetime",
            Resolved="datetime",
            Severity="long",
            Rule="string",
            DeploymentName="string",
            Condition="string",
            State="string",
            Text="string",
        ),
        instead="Azure Monitor tells it: `invoke alerts.list {at}`",
    ),
    # Who changed what: the journal, the endpoint's tags, the activity log.
    "journal": Source(
        columns=columns(
            At="datetime",
            Verb="string",
            Who="string",
            Change="string",
            Outcome="string",
            Reason="string",
            ToldBy="string",
        ),
        instead="The journal tells it: `invoke history {at}`",
    ),
    # A rollout's decisions and events, without the looks that only held on.
    "decisions": Source(
        columns=columns(
            At="datetime",
            Rollout="string",
            What="string",
            Rule="string",
            Text="string",
            CanaryRequests="long",
            CanaryErrors="long",
            StableRequests="long",
            StableErrors="long",
        ),
        instead="The rollout's record tells it: `invoke rollout.status {at}`",
    ),
    # Each look of a rollout: the evidence so far, 100 being enough to act on.
    "verdicts": Source(
        columns=columns(
            At="datetime",
            Rollout="string",
            WorsePercent="real",
            ProvenPercent="real",
        ),
        instead="The rollout's record tells it: `invoke rollout.watch {at}`",
    ),
    # How far what deployments are asked is from what their models learned from.
    "drift": Source(
        columns=columns(
            DeploymentName="string",
            Column="string",
            Rows="long",
            PopulationStability="real",
            JensenShannon="real",
            Wasserstein="real",
            Evidence="real",
            Missing="long",
            OutOfRange="long",
        ),
        instead=DRIFT,
    ),
    # The same day by day.
    "days": Source(
        columns=columns(
            At="datetime",
            What="string",
            DeploymentName="string",
            Rows="long",
            PopulationStability="real",
            JensenShannon="real",
            Wasserstein="real",
            Evidence="real",
        ),
        instead=DRIFT,
    ),
    # Which share of a column's values lies where, now and in training.
    "cells": Source(
        columns=columns(
            Column="string",
            FromValue="real",
            ToValue="real",
            DeploymentName="string",
            SharePercent="real",
        ),
        instead=DRIFT,
    ),
}
