"""SQLAlchemy's ORM and reflection, on PyMySQL."""
import os
import sys

from sqlalchemy import BigInteger, Column, Integer, MetaData, Numeric, String, Table, create_engine, func, inspect, select
from sqlalchemy.orm import Session, declarative_base

checks = 0


def check(actual, expected, what):
    global checks
    checks += 1
    if actual != expected:
        sys.exit(f"{what}: {actual!r} instead of {expected!r}")


env = os.environ
engine = create_engine(
    f"mysql+pymysql://{env['DB_USER']}:{env['DB_PASSWORD']}@{env['DB_HOST']}:{env['DB_PORT']}/{env['DB_NAME']}?charset=utf8mb4", pool_pre_ping=True
)
Base = declarative_base()


class Order(Base):
    __tablename__ = "orders"
    order_id = Column(BigInteger, primary_key=True, autoincrement=True)
    user_id = Column(Integer, nullable=False)
    amount = Column(Numeric(12, 2))
    note = Column(String(200))


Base.metadata.drop_all(engine)
Base.metadata.create_all(engine)
with Session(engine) as session:
    first = Order(user_id=77, amount=1.25, note="first")
    session.add(first)
    session.commit()
    check(session.execute(select(Order.note).where(Order.order_id == first.order_id, Order.user_id == 77)).scalar_one(), "first", "add")
    session.bulk_save_objects([Order(user_id=index % 10, amount=index, note=f"row {index} ü 🐬") for index in range(200)])
    session.commit()
    check(session.query(Order).count(), 201, "count")
    found = session.query(Order).filter(Order.user_id == 3).order_by(Order.amount).limit(2).all()
    check([order.note for order in found], ["row 3 ü 🐬", "row 13 ü 🐬"], "filter")
    totals = session.execute(select(Order.user_id, func.sum(Order.amount)).where(Order.user_id < 2).group_by(Order.user_id).order_by(Order.user_id)).all()
    check([int(total) for _, total in totals], [1900, 1920], "groups")
    check(session.query(Order).filter(Order.user_id == 3).update({"note": "x"}), 20, "update")
    session.commit()
    session.query(Order).filter(Order.user_id == 3).delete()
    session.rollback()
    check(session.query(Order).filter(Order.note == "x").count(), 20, "after the rollback")
check(inspect(engine).has_table("orders"), True, "has_table")
check([column.name for column in Table("orders", MetaData(), autoload_with=engine).columns], ["order_id", "user_id", "amount", "note"], "reflection")
print(f"ok {checks}")
