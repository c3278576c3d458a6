"""Forecasts: when a trend arrives at a limit, with an interval, and only where earlier ones of its series held."""

from dgmtui.findings.forecast.ahead import Ahead, forecasts
from dgmtui.findings.forecast.arrival import Arrival, arrival_data, forecast_arrival

__all__ = ["Ahead", "Arrival", "arrival_data", "forecast_arrival", "forecasts"]
