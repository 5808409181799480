"""Entry point of `python -m push_propensity.service`."""

from push_propensity.service import main

if __name__ == "__main__":
    main()
