"""How order lines become the raw tables."""

from datetime import datetime
from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class LineColumns(BaseModel):
    """Which column of the order lines holds what; None: they have no such column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order_id: str = "order_id"
    user_id: str = "user_id"
    created_at: str = "created_at"
    variant_id: str = "variant_id"
    quantity: str | None = None
    price: str | None = None
    vendor: str | None = None
    product_type: str | None = None


class ProductColumns(BaseModel):
    """Which column of the products holds what; None: they have no such column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    variant_id: str = "variant_id"
    price: str | None = None
    compare_at_price: str | None = None
    vendor: str | None = None
    product_type: str | None = None
    name: str | None = None


class PersonalData(BaseModel):
    """What happens to columns that look like names, e-mail addresses or phone numbers.

    Columns are named as in the source. A column that looks personal and is in no list stops the
    run.

    Attributes:
        drop: Columns that are not read.
        pseudonymise: Columns of ids that are replaced by keyed pseudonyms.
        allow: Columns that look personal and are known not to be.
        phone_regions: The countries (ISO 3166) whose national phone numbers are looked for;
            international ones always are.
        sample_rows: How many values of a column are looked at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    drop: tuple[str, ...] = ()
    pseudonymise: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    phone_regions: tuple[str, ...] = ("GB", "US")
    sample_rows: int = Field(1_000, ge=1)

    @model_validator(mode="after")
    def _check_one_list_each(self) -> Self:
        named = [*self.drop, *self.pseudonymise, *self.allow]
        twice = sorted({column for column in named if named.count(column) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} may be in one of drop, pseudonymise and allow")
        return self


class IngestionOptions(BaseModel):
    """How order lines become the raw tables.

    Attributes:
        columns: Which column of the order lines holds what.
        product_columns: The same for the products, where there is such a table.
        time_format: How times that are text are written, as for strptime; None: ISO 8601.
        time_zone: Where the shop is, such as Europe/London: times with a zone become local time
            there. None: times have no zone.
        decimal: What stands before the decimals of numbers that are text; with a comma, points
            stand between thousands.
        latest_time: Lines after this local time are put aside; None: after the time of the run.
        unknown_products: Whether lines of products that the products table lacks are kept or
            put aside.
        merge_orders: Whether the orders of a user on one calendar day become one order.
        largest_share_put_aside: A larger share of the rows put aside stops the run.
        personal_data: What happens to columns that look personal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: LineColumns = LineColumns()
    product_columns: ProductColumns = ProductColumns()
    time_format: str | None = None
    time_zone: str | None = None
    decimal: Literal[".", ","] = "."
    latest_time: datetime | None = None
    unknown_products: Literal["keep", "put_aside"] = "keep"
    merge_orders: Literal["none", "same_day"] = "none"
    largest_share_put_aside: float = Field(0.05, ge=0, le=1)
    personal_data: PersonalData = PersonalData()

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, zone: str | None) -> str | None:
        try:
            ZoneInfo(zone or "UTC")
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("no such time zone; expected one such as Europe/London") from error
        return zone

    @model_validator(mode="after")
    def _check_time_format(self) -> Self:
        if "%Z" in (self.time_format or ""):
            raise ValueError("names of zones (%Z) cannot be read; an offset from UTC (%z) can")
        if "%z" in (self.time_format or "") and self.time_zone is None:
            raise ValueError("with %z in time_format, time_zone says where the shop is; set it")
        return self

    @field_validator("latest_time")
    @classmethod
    def _check_latest_time(cls, time: datetime | None) -> datetime | None:
        if time is not None and time.tzinfo is not None:
            raise ValueError("latest_time is local time of the shop, without a zone")
        return time
