"""Which of ADE20K's scene categories are outdoors: the rule behind ADE20K-outdoor.

The papers take "the outdoor images of ADE20K, by the protocol of SIMS" (Qi et al., "Semi-parametric image synthesis", 2018) and
publish no list. The rule here goes by the category in sceneCategories.txt:

1. a category in INDOORS or OUTDOORS is what the list says;
2. one whose name ends in _outdoor or _exterior is outdoors, one with _indoor, indoor_, _interior, _room, _shop or _store is not;
3. of all others (misc, questionable, places that are seen from inside as often as from outside) it is not known.

A building that is named without a qualifier (castle, motel, barn) counts as outdoors where its pictures show it from outside.
The release has cut some names to their last word; they are read as what they were: block, cascade, cataract, fan, plunge
(waterfalls); natural, urban (canals); cultivated, wild (fields); broadleaf, needleleaf (forests); sand, vegetation (deserts);
dry, water (moats); east_asia, mesoamerican, south_asia, western (temples); ocean_deep, ocean_shallow (under water); basketball,
football, hockey, performance, rodeo, soccer (arenas); baseball (a stadium).
"""

from __future__ import annotations

import re

# Land, water, weather, plants; then ways; then what is built and seen from outside; then yards, sports, vehicles.
OUTDOORS = frozenset("""
archipelago backwoods badlands bamboo_forest bay bayou beach block bog bottomland broadleaf brooklet butte canyon cascade
cataract chaparral cliff coast coral_reef creek crevasse cultivated earth_fissure escarpment estuary fan field_road fjord
flashflood flood flood_plain foothill foreshore forest_fire forest_path forest_road glacier glade glen gorge grove gulch
hayfield heath hill hillock hollow hoodoo hot_spring ice_floe ice_shelf iceberg inlet islet jungle lagoon lava_flow marsh meadow
mesa moor mountain mountain_path mountain_road mountain_snowy mudflat natural natural_spring needleleaf oasis ocean ocean_deep
ocean_shallow outcropping pasture plunge pond preserve quicksand rainforest rift_valley river rock_arch rubble salt_plain sand
sandbar savanna scrubland sea_cliff seaside semidesert shore shrubbery sinkhole sky snowbank snowfield swamp swimming_hole
tidal_basin tidal_river tundra valley vegetation volcano watering_hole waterscape waterway wave wetland wild wild_field
windstorm woodland

access_road alley aqueduct boardwalk bridge bridle_path bypass byroad canal coast_road country_road covered_bridge crosswalk
desert_road dirt_track driveway embankment freeway highway layby levee lift_bridge mews one-way_street overpass parking_lot
parkway pavement piste_road pontoon_bridge promenade railroad_track railway_yard ramp road road_cut rope_bridge roundabout
sidewalk street streetcar_track taxistand taxiway toll_plaza tollbooth tollgate traffic_island train_railway trestle_bridge
urban viaduct walkway

abbey acropolis airfield airport_runway amphitheater apartment_building arch barn barndoor battlement beach_house belfry
boathouse building_complex building_facade bullring cabana campus caravansary castle chalet city cottage country_house
courthouse dacha dolmen donjon downtown east_asia elevated_catwalk embassy exterior farm farm_building farmhouse field_house
fire_escape fire_station flying_buttress fort fortress fountain freestanding gas_station gate gatehouse ghost_town granary
guardhouse hacienda hospital house housing_estate housing_project hut hutment imaret industrial_area industrial_park joss_house
kasbah kraal landing_deck landing_strip lean-to lean-to_tent lighthouse manufactured_home mansard mansion mastaba mausoleum
medina megalith menhir mesoamerican military_headquarters military_hut military_tent mission mobile_home motel
nuclear_power_plant nunnery oast_house observation_station observatory_post office_building oilrig outbuilding outhouse outside
pagoda palace pavilion plantation_house plaza police_station portico postern priory pueblo quonset_hut ranch_house rectory
residential_neighborhood resort retaining_wall roof roof_garden ruin runway schoolhouse shed shelter shelter_tent shopfront
shrine signal_box ski_lodge skyscraper slum south_asia stone_circle strip_mall student_residence tomb tower town_house
tract_housing trailer_park tree_house village watchtower water_gate water_mill water_tower western wharf wind_farm windmill
youth_hostel ziggurat

airport_taxiway amusement_park arbor archaelogical_excavation army_base auto_racing_paddock back_porch barnyard baseball
baseball_field batters_box battlefield beer_garden berth_deck bicycle_racks boat_deck botanical_garden bullpen bus_shelter
cabin_cruiser campsite carrousel chemical_plant cemetery chair_lift chicken_yard chuck_wagon construction_site corn_field corral
cottage_garden courtyard dam ditch dock drainage_ditch drill_rig dry dry_dock dugout electrical_substation excavation fairway
feed_bunk fence fire_trench fish_farm fishpond floating_dock floating_dry_dock flowerbed fly_bridge football_field forecourt
formal_garden front_porch gangplank garbage_dump garden gas_well gasworks golf_course grape_arbor harbor hedge_maze hedgerow
heliport hen_yard herb_garden irrigation_ditch japanese_garden jetty junk_pile junkyard landfill lawn loading_dock lock_chamber
millpond millrace moon_bounce naval_base orchard oyster_farm parade_ground park patio penalty_box porch picnic_area pier pinetum
pitchers_mound playground poop_deck promenade_deck putting_green quadrangle racecourse raceway raft ranch rest_area rest_stop
restaurant_patio rice_paddy rock_garden safari_park sand_trap sandbox schoolyard seawall shelter_deck ski_jump ski_resort
ski_slope spillway starting_gate strip_mine sun_deck t-bar_lift tea_garden terrace_farm threshing_floor tiltyard topiary_garden
tree_farm trellis trench truck_stop upper_balcony vegetable_garden veranda vinery vineyard water water_fountain water_park
wheat_field yard zen_garden zoo
""".split())

INDOORS = frozenset("""
airlock airplane_cabin airport_terminal airport_ticket_counter alcove amusement_arcade anechoic_chamber aquarium aquatic_theater
arcade archive art_gallery art_school art_studio artists_loft assembly_hall assembly_line assembly_plant atrium_home
atrium_public attic auditorium auto_factory auto_showroom backroom backseat backstage backstairs baggage_claim ball_pit ballet
ballroom bank_vault banquet_hall bar barbershop barrack barrel_storage basement basketball bathhouse bathroom beauty_salon
bedchamber bedroom beer_hall bell_foundry berth betting_shop bindery biology_laboratory bookbindery bookshelf bookstore booth
bottle_storage bowling_alley box_seat boxing_ring breakfast_table breakroom bubble_chamber buffet bunk_bed burial_chamber
cafeteria call_center canteen car_dealership cardroom catacomb cellar chapel checkout_counter cheese_factory chemistry_lab
classroom clean_room closet cockpit cocktail_lounge coffee_shop conference_center conference_hall confessional corridor
courtroom crawl_space cybercafe dance_floor dance_school darkroom day_care_center delicatessen dentists_office department_store
departure_lounge dining_area dining_car dining_hall dinette_home discotheque distillery door drugstore elevator_lobby
elevator_shaft entrance_hall establishment estaminet exhibition_hall fastfood_restaurant fireplace flatlet food_court football
freight_elevator frontseat funeral_chapel funeral_home galley great_hall greengrocery hallway handball_court hatchery hayloft
hearth hockey home_office home_theater hotel_breakfast_area ice_cream_parlor jail_cell juke_joint jury_box
kindergarden_classroom kitchen kitchenette lab_classroom laboratorywet laundromat lavatory legislative_chamber library lobby
loft luggage_van machine_shop martial_arts_gym maternity_ward mess_hall mezzanine military_hospital mineral_bath mineshaft
morgue music_studio natural_history_museum newsroom nightclub nook nursery nursing_home office office_cubicles
open-hearth_furnace operating_table optician orchestra_pit orlop_deck ossuary oyster_bar packaging_plant palace_hall palestra
pantry paper_mill parlor particle_accelerator performance perfume_shop pharmacy physics_laboratory pizzeria platform
poolroom_home portrait_studio pulpit reception refectory restaurant restaurant_kitchen revolving_door rodeo rolling_mill
root_cellar rotisserie sacristy salon saloon sauna science_laboratory science_museum scriptorium scullery security_check_point
shower snack_bar soccer squash_court stage_set staircase stateroom storm_cellar student_center study_hall sugar_refinery sunroom
supermarket supply_chamber sushi_bar tannery tearoom television_studio trading_floor turkish_bath vehicle ventilation_shaft
vestibule vestry veterinarians_office videostore voting_booth walk_in_freezer wet_bar whispering_gallery window_seat winery
witness_stand workshop
""".split())

INSIDE = re.compile(r"(^indoor_)|_(indoor|interior|room|shop|store)$|^(room|shop|store)$")
OUTSIDE = re.compile(r"_(outdoor|exterior)$")


def outdoors(category: str) -> bool | None:
    """Whether a scene category is outdoors; None where that is not known. See the module."""
    if category in OUTDOORS or category in INDOORS:
        return category in OUTDOORS
    if OUTSIDE.search(category):
        return True
    return False if INSIDE.search(category) else None
