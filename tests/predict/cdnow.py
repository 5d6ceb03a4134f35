"""The CDNOW sample as a table of orders: 2,357 buyers of CDs, January 1997 to June 1998."""

from datetime import UTC, datetime

import pyarrow as pa

from tests.real_data import real_data

CALIBRATION_END = datetime(1997, 10, 1, tzinfo=UTC)
END = datetime(1998, 7, 1, tzinfo=UTC)


def cdnow_orders() -> pa.Table:
    lines = real_data("predict/CDNOW_sample.txt").read_text().splitlines()
    _, profile_id, day, _, amount = zip(*(line.split() for line in lines), strict=True)
    moments = [datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC) for text in day]
    occurred = pa.array(moments, pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "profile_id": pa.array(profile_id, pa.string()),
            "occurred_at": occurred,
            "received_at": occurred,
            "amount": pa.array([float(text) for text in amount]),
        }
    )
