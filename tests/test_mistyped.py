"""Names that are not there: told with the line that is likely meant, exit status 2."""

import pytest
from endpoint_rig import endpoint

from ops import endpoints, hints, kql, settings, specs
from ops.alerting import trying
from ops.boards import boardfile
from ops.errors import NotFound

IRIS = endpoint({"blue": 100})
NAMES = {
    "status --stage prd": (lambda: settings.load_stage("prd"), "--stage prod"),
    "deploy --endpoint irsi": (lambda: specs.load("irsi"), "--endpoint iris"),
    "deploy --deployment gren": (
        lambda: specs.load("iris").deployment("gren"),
        "--deployment green",
    ),
    "logs --deployment=gren": (
        lambda: endpoints.require(IRIS, "gren"),
        "--deployment=green",
    ),
    "mirror --set gren=10": (lambda: endpoints.require(IRIS, "gren"), "--set green=10"),
    "query --name laten": (lambda: kql.named("laten"), "--name latency"),
    "query --name ERRORS": (lambda: kql.named("ERRORS"), "--name errors"),
    "dashboards.show --name overvew": (
        lambda: boardfile.named("overvew"),
        "--name overview",
    ),
    "alerts.test --rule erors": (
        lambda: trying.run("erors", (), None),
        "--rule errors",
    ),
}


@pytest.mark.parametrize("line", NAMES)
def test_a_mistyped_name_is_told_with_the_line_mended(line):
    look, right = NAMES[line]
    words = line.split()
    hints.typed(words)

    with pytest.raises(NotFound) as refusal:
        look()

    wrong = " ".join(words[1:])
    assert refusal.value.remedies == (f"invoke {line.replace(wrong, right)}",)
    assert refusal.value.code == 2


@pytest.mark.parametrize(
    "look",
    [
        lambda: specs.load("iris").deployment("zzz"),
        lambda: endpoints.require(IRIS, "zzz"),
        lambda: endpoints.require(IRIS, "gren"),
    ],
)
def test_nothing_that_is_led_to_would_make_what_was_mistyped(look):
    with pytest.raises(NotFound) as refusal:
        look()

    told = " ".join(refusal.value.remedies)
    assert "zzz" not in told
    assert "gren " not in told


def test_what_is_described_and_not_deployed_is_not_mistyped():
    with pytest.raises(NotFound) as refusal:
        endpoints.require(endpoint({"blue": 100}, blue="Succeeded"), "green")

    assert refusal.value.remedies == ("invoke deploy --deployment green",)
    assert refusal.value.code == 1


def test_a_line_of_several_verbs_is_not_told_again():
    """To type it again would do again what was done before the word went wrong."""
    hints.typed([])

    with pytest.raises(NotFound) as refusal:
        settings.load_stage("prd")

    assert refusal.value.remedies == ("prod, if that is meant",)
