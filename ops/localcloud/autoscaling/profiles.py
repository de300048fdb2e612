"""Which profile of a setting is in force.

Azure: autoscale-understanding-settings, "Which profile will autoscale use?", and
autoscale-multiprofile: fixed dates first, then recurring ones, then the default.
"""

from datetime import UTC, datetime, time, timedelta

from ops.localcloud.autoscaling.settings import Profile, Recurrence, Setting


def chosen(setting: Setting, now: datetime) -> Profile | None:
    """The profile that rules at this moment; None where none is made for it."""
    for profile in setting.profiles:
        if profile.dates and profile.dates[0] <= now < profile.dates[1]:
            return profile
    started = [
        (begun, -number, profile)
        for number, profile in enumerate(setting.profiles)
        if profile.recurrence and (begun := last_start(profile.recurrence, now))
    ]
    if started:
        return max(started, key=lambda each: each[:2])[2]
    plain = (p for p in setting.profiles if not p.dates and not p.recurrence)
    return next(plain, None)


def last_start(recurrence: Recurrence, now: datetime) -> datetime | None:
    """When it began last: a recurring profile runs until the next one starts.

    So of several the one that began last is in force, and once there is any, the
    default profile never is: that is why the portal writes a second recurring profile
    to go back to it, named {"name": <default>, "for": <recurring>}.
    """
    today = now.astimezone(recurrence.zone).date()
    for back in range(8):
        day = today - timedelta(days=back)
        if day.weekday() not in recurrence.days:
            continue
        starts = [
            datetime.combine(day, time(hour, minute), recurrence.zone).astimezone(UTC)
            for hour in recurrence.hours
            for minute in recurrence.minutes
        ]
        if passed := [start for start in starts if start <= now]:
            return max(passed)
    return None
