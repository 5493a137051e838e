"""The list of scenarios and what their captures show."""

SCENARIOS = {}
VANTAGES = ("C", "R1", "S")


class Scenario:
    def __init__(self, play, labels, options):
        self.play, self.labels, self.options = play, labels, options
        self.about = " ".join(play.__doc__.split())


def scenario(every=None, C=None, R1=None, S=None, **options):
    """Register a function. A label is (class, party); `every` is for all vantages not named.

    Classes and parties: `|` separates answers that are as good, ` + ` cases, `3x` counts them.
    A vantage without a label is not kept.
    """
    labels = {"C": C or every, "R1": R1 or every, "S": S or every}
    labels = {vantage: label for vantage, label in labels.items() if label}

    def register(play):
        SCENARIOS[play.__name__.replace("_", "-")] = Scenario(play, labels, options)
        return play

    return register


NONE = ("none", "-")
SERVER, CLIENT, UNKNOWN = "server-host", "client-host", "unknown"
AS_SERVER, AS_CLIENT, BOTH = "middlebox-as-server", "middlebox-as-client", "middlebox-both"
AT_SERVER = "server-side-intermediary"
