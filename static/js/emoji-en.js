// Made by bin/emoji from emojibase-data 17.0.0, copyright (c) 2017-2019 Miles Johnson, MIT License
// (https://github.com/milesj/emojibase); names from Unicode CLDR, copyright (c) Unicode, Inc., Unicode License v3.
export default `
😀 grinning_face grinning
😃 grinning_face_with_big_eyes smiley
😄 grinning_face_with_smiling_eyes smile
😁 beaming_face_with_smiling_eyes grin
😆 grinning_squinting_face laughing satisfied
😅 grinning_face_with_sweat sweat_smile
🤣 rolling_on_the_floor_laughing rofl
😂 face_with_tears_of_joy joy
🙂 slightly_smiling_face
🙃 upside-down_face upside_down_face
🫠 melting_face
😉 winking_face wink
😊 smiling_face_with_smiling_eyes blush
😇 smiling_face_with_halo innocent
🥰 smiling_face_with_hearts smiling_face_with_three_hearts
😍 smiling_face_with_heart-eyes heart_eyes
🤩 star-struck star_struck
😘 face_blowing_a_kiss kissing_heart
😗 kissing_face kissing
☺️ smiling_face relaxed
😚 kissing_face_with_closed_eyes kissing_closed_eyes
😙 kissing_face_with_smiling_eyes kissing_smiling_eyes
🥲 smiling_face_with_tear
😋 face_savoring_food yum
😛 face_with_tongue stuck_out_tongue
😜 winking_face_with_tongue stuck_out_tongue_winking_eye
🤪 zany_face
😝 squinting_face_with_tongue stuck_out_tongue_closed_eyes
🤑 money-mouth_face money_mouth_face
🤗 smiling_face_with_open_hands hugs
🤭 face_with_hand_over_mouth hand_over_mouth
🫢 face_with_open_eyes_and_hand_over_mouth
🫣 face_with_peeking_eye
🤫 shushing_face
🤔 thinking_face thinking
🫡 saluting_face
🤐 zipper-mouth_face zipper_mouth_face
🤨 face_with_raised_eyebrow raised_eyebrow
😐 neutral_face
😑 expressionless_face expressionless
😶 face_without_mouth no_mouth
🫥 dotted_line_face
😶‍🌫️ face_in_clouds
😏 smirking_face smirk
😒 unamused_face unamused
🙄 face_with_rolling_eyes roll_eyes
😬 grimacing_face grimacing
😮‍💨 face_exhaling
🤥 lying_face
🫨 shaking_face
😌 relieved_face relieved
😔 pensive_face pensive
😪 sleepy_face sleepy
🤤 drooling_face
😴 sleeping_face sleeping
😷 face_with_medical_mask mask
🤒 face_with_thermometer
🤕 face_with_head-bandage face_with_head_bandage
🤢 nauseated_face
🤮 face_vomiting vomiting_face
🤧 sneezing_face
🥵 hot_face
🥶 cold_face
🥴 woozy_face
😵 face_with_crossed-out_eyes dizzy_face
😵‍💫 face_with_spiral_eyes
🤯 exploding_head
🤠 cowboy_hat_face
🥳 partying_face
🥸 disguised_face
😎 smiling_face_with_sunglasses sunglasses
🤓 nerd_face
🧐 face_with_monocle monocle_face
😕 confused_face confused
🫤 face_with_diagonal_mouth
😟 worried_face worried
🙁 slightly_frowning_face
☹️ frowning_face
😮 face_with_open_mouth open_mouth
😯 hushed_face hushed
😲 astonished_face astonished
😳 flushed_face flushed
🥺 pleading_face
🥹 face_holding_back_tears
😦 frowning_face_with_open_mouth frowning
😧 anguished_face anguished
😨 fearful_face fearful
😰 anxious_face_with_sweat cold_sweat
😥 sad_but_relieved_face disappointed_relieved
😢 crying_face cry
😭 loudly_crying_face sob
😱 face_screaming_in_fear scream
😖 confounded_face confounded
😣 persevering_face persevere
😞 disappointed_face disappointed
😓 downcast_face_with_sweat sweat
😩 weary_face weary
😫 tired_face
🥱 yawning_face
😤 face_with_steam_from_nose triumph
😡 enraged_face pout rage
😠 angry_face angry
🤬 face_with_symbols_on_mouth cursing_face
😈 smiling_face_with_horns smiling_imp
👿 angry_face_with_horns imp
💀 skull
☠️ skull_and_crossbones
💩 pile_of_poo hankey poop shit
🤡 clown_face
👹 ogre japanese_ogre
👺 goblin japanese_goblin
👻 ghost
👽 alien
👾 alien_monster space_invader
🤖 robot
😺 grinning_cat smiley_cat
😸 grinning_cat_with_smiling_eyes smile_cat
😹 cat_with_tears_of_joy joy_cat
😻 smiling_cat_with_heart-eyes heart_eyes_cat
😼 cat_with_wry_smile smirk_cat
😽 kissing_cat
🙀 weary_cat scream_cat
😿 crying_cat crying_cat_face
😾 pouting_cat
🙈 see-no-evil_monkey see_no_evil
🙉 hear-no-evil_monkey hear_no_evil
🙊 speak-no-evil_monkey speak_no_evil
💌 love_letter
💘 heart_with_arrow cupid
💝 heart_with_ribbon gift_heart
💖 sparkling_heart
💗 growing_heart heartpulse
💓 beating_heart heartbeat
💞 revolving_hearts
💕 two_hearts
💟 heart_decoration
❣️ heart_exclamation heavy_heart_exclamation
💔 broken_heart
❤️‍🔥 heart_on_fire
❤️‍🩹 mending_heart
❤️ red_heart heart
🩷 pink_heart
🧡 orange_heart
💛 yellow_heart
💚 green_heart
💙 blue_heart
🩵 light_blue_heart
💜 purple_heart
🤎 brown_heart
🖤 black_heart
🩶 grey_heart
🤍 white_heart
💋 kiss_mark kiss
💯 hundred_points 100
💢 anger_symbol anger
💥 collision boom
💫 dizzy
💦 sweat_droplets sweat_drops
💨 dashing_away dash
🕳️ hole
💬 speech_balloon
👁️‍🗨️ eye_in_speech_bubble eye_speech_bubble
🗨️ left_speech_bubble
🗯️ right_anger_bubble
💭 thought_balloon
💤 zzz

👋 waving_hand wave
🤚 raised_back_of_hand
🖐️ hand_with_fingers_splayed raised_hand_with_fingers_splayed
✋ raised_hand hand
🖖 vulcan_salute
🫱 rightwards_hand
🫲 leftwards_hand
🫳 palm_down_hand
🫴 palm_up_hand
🫷 leftwards_pushing_hand
🫸 rightwards_pushing_hand
👌 ok_hand
🤌 pinched_fingers
🤏 pinching_hand
✌️ victory_hand v
🤞 crossed_fingers
🫰 hand_with_index_finger_and_thumb_crossed
🤟 love-you_gesture love_you_gesture
🤘 sign_of_the_horns metal
🤙 call_me_hand
👈 backhand_index_pointing_left point_left
👉 backhand_index_pointing_right point_right
👆 backhand_index_pointing_up point_up_2
🖕 middle_finger fu
👇 backhand_index_pointing_down point_down
☝️ index_pointing_up point_up
🫵 index_pointing_at_the_viewer
👍 thumbs_up +1 thumbsup
👎 thumbs_down -1 thumbsdown
✊ raised_fist fist fist_raised
👊 oncoming_fist facepunch fist_oncoming punch
🤛 left-facing_fist fist_left
🤜 right-facing_fist fist_right
👏 clapping_hands clap
🙌 raising_hands raised_hands
🫶 heart_hands
👐 open_hands
🤲 palms_up_together
🤝 handshake
🙏 folded_hands pray
✍️ writing_hand
💅 nail_polish nail_care
🤳 selfie
💪 flexed_biceps muscle
🦾 mechanical_arm
🦿 mechanical_leg
🦵 leg
🦶 foot
👂 ear
🦻 ear_with_hearing_aid
👃 nose
🧠 brain
🫀 anatomical_heart
🫁 lungs
🦷 tooth
🦴 bone
👀 eyes
👁️ eye
👅 tongue
👄 mouth lips
🫦 biting_lip
👶 baby
🧒 child
👦 boy
👧 girl
🧑 person adult
👱 person_blond_hair blond_haired_person
👨 man
🧔 person_beard bearded_person
👩 woman
🧑‍🦰 person_red_hair
🧑‍🦱 person_curly_hair
🧑‍🦳 person_white_hair
🧑‍🦲 person_bald
🧓 older_person older_adult
👴 old_man older_man
👵 old_woman older_woman
🙍 person_frowning frowning_person
🙎 person_pouting pouting_face
🙅 person_gesturing_no no_good
🙆 person_gesturing_ok ok_person
💁 person_tipping_hand information_desk_person tipping_hand_person
🙋 person_raising_hand raising_hand
🧏 deaf_person
🙇 person_bowing bow
🤦 person_facepalming facepalm
🤷 person_shrugging shrug
🧑‍⚕️ health_worker
🧑‍🎓 student
🧑‍🏫 teacher
🧑‍⚖️ judge
🧑‍🌾 farmer
🧑‍🍳 cook
🧑‍🔧 mechanic
🧑‍🏭 factory_worker
🧑‍💼 office_worker
🧑‍🔬 scientist
🧑‍💻 technologist
🧑‍🎤 singer
🧑‍🎨 artist
🧑‍✈️ pilot
🧑‍🚀 astronaut
🧑‍🚒 firefighter
👮 police_officer cop
🕵️ detective
💂 guard
🥷 ninja
👷 construction_worker
🫅 person_with_crown
🤴 prince
👸 princess
👳 person_wearing_turban person_with_turban
👲 person_with_skullcap man_with_gua_pi_mao
🧕 woman_with_headscarf
🤵 person_in_tuxedo
👰 person_with_veil
🤰 pregnant_woman
🫃 pregnant_man
🫄 pregnant_person
🤱 breast-feeding breast_feeding
🧑‍🍼 person_feeding_baby
👼 baby_angel angel
🎅 santa_claus santa
🤶 mrs_claus
🧑‍🎄 mx_claus
🦸 superhero
🦹 supervillain
🧙 mage
🧚 fairy
🧛 vampire
🧜 merperson
🧝 elf
🧞 genie
🧟 zombie
🧌 troll
💆 person_getting_massage massage
💇 person_getting_haircut haircut
🚶 person_walking walking
🧍 person_standing standing_person
🧎 person_kneeling kneeling_person
🧑‍🦯 person_with_white_cane person_with_probing_cane
🧑‍🦼 person_in_motorized_wheelchair
🧑‍🦽 person_in_manual_wheelchair
🏃 person_running runner running
💃 woman_dancing dancer
🕺 man_dancing
🕴️ person_in_suit_levitating business_suit_levitating
👯 people_with_bunny_ears dancers
🧖 person_in_steamy_room sauna_person
🧗 person_climbing climbing
🤺 person_fencing
🏇 horse_racing
⛷️ skier
🏂 snowboarder
🏌️ person_golfing golfing
🏄 person_surfing surfer
🚣 person_rowing_boat rowboat
🏊 person_swimming swimmer
⛹️ person_bouncing_ball bouncing_ball_person
🏋️ person_lifting_weights weight_lifting
🚴 person_biking bicyclist
🚵 person_mountain_biking mountain_bicyclist
🤸 person_cartwheeling cartwheeling
🤼 people_wrestling wrestling
🤽 person_playing_water_polo water_polo
🤾 person_playing_handball handball_person
🤹 person_juggling juggling_person
🧘 person_in_lotus_position lotus_position
🛀 person_taking_bath bath
🛌 person_in_bed sleeping_bed
🧑‍🤝‍🧑 people_holding_hands
👭 women_holding_hands two_women_holding_hands
👫 woman_and_man_holding_hands couple
👬 men_holding_hands two_men_holding_hands
💏 kiss couplekiss
💑 couple_with_heart
🗣️ speaking_head
👤 bust_in_silhouette
👥 busts_in_silhouette
🫂 people_hugging
👪 family
👣 footprints

🐵 monkey_face
🐒 monkey
🦍 gorilla
🦧 orangutan
🐶 dog_face dog
🐕 dog dog2
🦮 guide_dog
🐕‍🦺 service_dog
🐩 poodle
🐺 wolf
🦊 fox fox_face
🦝 raccoon
🐱 cat_face cat
🐈 cat cat2
🐈‍⬛ black_cat
🦁 lion
🐯 tiger_face tiger
🐅 tiger tiger2
🐆 leopard
🐴 horse_face horse
🫎 moose
🫏 donkey
🐎 horse racehorse
🦄 unicorn
🦓 zebra
🦌 deer
🦬 bison
🐮 cow_face cow
🐂 ox
🐃 water_buffalo
🐄 cow cow2
🐷 pig_face pig
🐖 pig pig2
🐗 boar
🐽 pig_nose
🐏 ram
🐑 ewe sheep
🐐 goat
🐪 camel dromedary_camel
🐫 two-hump_camel camel
🦙 llama
🦒 giraffe
🐘 elephant
🦣 mammoth
🦏 rhinoceros
🦛 hippopotamus
🐭 mouse_face mouse
🐁 mouse mouse2
🐀 rat
🐹 hamster
🐰 rabbit_face rabbit
🐇 rabbit rabbit2
🐿️ chipmunk
🦫 beaver
🦔 hedgehog
🦇 bat
🐻 bear
🐻‍❄️ polar_bear
🐨 koala
🐼 panda panda_face
🦥 sloth
🦦 otter
🦨 skunk
🦘 kangaroo
🦡 badger
🐾 paw_prints feet
🦃 turkey
🐔 chicken
🐓 rooster
🐣 hatching_chick
🐤 baby_chick
🐥 front-facing_baby_chick hatched_chick
🐦 bird
🐧 penguin
🕊️ dove
🦅 eagle
🦆 duck
🦢 swan
🦉 owl
🦤 dodo
🪶 feather
🦩 flamingo
🦚 peacock
🦜 parrot
🪽 wing
🐦‍⬛ black_bird
🪿 goose
🐸 frog
🐊 crocodile
🐢 turtle
🦎 lizard
🐍 snake
🐲 dragon_face
🐉 dragon
🦕 sauropod
🦖 t-rex
🐳 spouting_whale whale
🐋 whale whale2
🐬 dolphin flipper
🦭 seal
🐟 fish
🐠 tropical_fish
🐡 blowfish
🦈 shark
🐙 octopus
🐚 spiral_shell shell
🪸 coral
🪼 jellyfish
🦀 crab
🦞 lobster
🦐 shrimp
🦑 squid
🦪 oyster
🐌 snail
🦋 butterfly
🐛 bug
🐜 ant
🐝 honeybee bee
🪲 beetle
🐞 lady_beetle
🦗 cricket
🪳 cockroach
🕷️ spider
🕸️ spider_web
🦂 scorpion
🦟 mosquito
🪰 fly
🪱 worm
🦠 microbe
💐 bouquet
🌸 cherry_blossom
💮 white_flower
🪷 lotus
🏵️ rosette
🌹 rose
🥀 wilted_flower
🌺 hibiscus
🌻 sunflower
🌼 blossom
🌷 tulip
🪻 hyacinth
🌱 seedling
🪴 potted_plant
🌲 evergreen_tree
🌳 deciduous_tree
🌴 palm_tree
🌵 cactus
🌾 sheaf_of_rice ear_of_rice
🌿 herb
☘️ shamrock
🍀 four_leaf_clover
🍁 maple_leaf
🍂 fallen_leaf
🍃 leaf_fluttering_in_wind leaves
🪹 empty_nest
🪺 nest_with_eggs
🍄 mushroom

🍇 grapes
🍈 melon
🍉 watermelon
🍊 tangerine mandarin orange
🍋 lemon
🍌 banana
🍍 pineapple
🥭 mango
🍎 red_apple apple
🍏 green_apple
🍐 pear
🍑 peach
🍒 cherries
🍓 strawberry
🫐 blueberries
🥝 kiwi_fruit
🍅 tomato
🫒 olive
🥥 coconut
🥑 avocado
🍆 eggplant
🥔 potato
🥕 carrot
🌽 ear_of_corn corn
🌶️ hot_pepper
🫑 bell_pepper
🥒 cucumber
🥬 leafy_green
🥦 broccoli
🧄 garlic
🧅 onion
🥜 peanuts
🫘 beans
🌰 chestnut
🫚 ginger_root
🫛 pea_pod
🍞 bread
🥐 croissant
🥖 baguette_bread
🫓 flatbread
🥨 pretzel
🥯 bagel
🥞 pancakes
🧇 waffle
🧀 cheese_wedge cheese
🍖 meat_on_bone
🍗 poultry_leg
🥩 cut_of_meat
🥓 bacon
🍔 hamburger
🍟 french_fries fries
🍕 pizza
🌭 hot_dog hotdog
🥪 sandwich
🌮 taco
🌯 burrito
🫔 tamale
🥙 stuffed_flatbread
🧆 falafel
🥚 egg
🍳 cooking fried_egg
🥘 shallow_pan_of_food
🍲 pot_of_food stew
🫕 fondue
🥣 bowl_with_spoon
🥗 green_salad
🍿 popcorn
🧈 butter
🧂 salt
🥫 canned_food
🍱 bento_box bento
🍘 rice_cracker
🍙 rice_ball
🍚 cooked_rice rice
🍛 curry_rice curry
🍜 steaming_bowl ramen
🍝 spaghetti
🍠 roasted_sweet_potato sweet_potato
🍢 oden
🍣 sushi
🍤 fried_shrimp
🍥 fish_cake_with_swirl fish_cake
🥮 moon_cake
🍡 dango
🥟 dumpling
🥠 fortune_cookie
🥡 takeout_box
🍦 soft_ice_cream icecream
🍧 shaved_ice
🍨 ice_cream
🍩 doughnut
🍪 cookie
🎂 birthday_cake birthday
🍰 shortcake cake
🧁 cupcake
🥧 pie
🍫 chocolate_bar
🍬 candy
🍭 lollipop
🍮 custard
🍯 honey_pot
🍼 baby_bottle
🥛 glass_of_milk milk_glass
☕ hot_beverage coffee
🫖 teapot
🍵 teacup_without_handle tea
🍶 sake
🍾 bottle_with_popping_cork champagne
🍷 wine_glass
🍸 cocktail_glass cocktail
🍹 tropical_drink
🍺 beer_mug beer
🍻 clinking_beer_mugs beers
🥂 clinking_glasses
🥃 tumbler_glass
🫗 pouring_liquid
🥤 cup_with_straw
🧋 bubble_tea
🧃 beverage_box
🧉 mate
🧊 ice ice_cube
🥢 chopsticks
🍽️ fork_and_knife_with_plate plate_with_cutlery
🍴 fork_and_knife
🥄 spoon
🔪 kitchen_knife hocho knife
🫙 jar
🏺 amphora

🌍 globe_showing_europe-africa earth_africa
🌎 globe_showing_americas earth_americas
🌏 globe_showing_asia-australia earth_asia
🌐 globe_with_meridians
🗺️ world_map
🗾 map_of_japan japan
🧭 compass
🏔️ snow-capped_mountain mountain_snow
⛰️ mountain
🌋 volcano
🗻 mount_fuji
🏕️ camping
🏖️ beach_with_umbrella beach_umbrella
🏜️ desert
🏝️ desert_island
🏞️ national_park
🏟️ stadium
🏛️ classical_building
🏗️ building_construction
🧱 brick bricks
🪨 rock
🪵 wood
🛖 hut
🏘️ houses
🏚️ derelict_house
🏠 house
🏡 house_with_garden
🏢 office_building office
🏣 japanese_post_office post_office
🏤 post_office european_post_office
🏥 hospital
🏦 bank
🏨 hotel
🏩 love_hotel
🏪 convenience_store
🏫 school
🏬 department_store
🏭 factory
🏯 japanese_castle
🏰 castle european_castle
💒 wedding
🗼 tokyo_tower
🗽 statue_of_liberty
⛪ church
🕌 mosque
🛕 hindu_temple
🕍 synagogue
⛩️ shinto_shrine
🕋 kaaba
⛲ fountain
⛺ tent
🌁 foggy
🌃 night_with_stars
🏙️ cityscape
🌄 sunrise_over_mountains
🌅 sunrise
🌆 cityscape_at_dusk city_sunset
🌇 sunset city_sunrise
🌉 bridge_at_night
♨️ hot_springs hotsprings
🎠 carousel_horse
🛝 playground_slide
🎡 ferris_wheel
🎢 roller_coaster
💈 barber_pole barber
🎪 circus_tent
🚂 locomotive steam_locomotive
🚃 railway_car
🚄 high-speed_train bullettrain_side
🚅 bullet_train bullettrain_front
🚆 train train2
🚇 metro
🚈 light_rail
🚉 station
🚊 tram
🚝 monorail
🚞 mountain_railway
🚋 tram_car train
🚌 bus
🚍 oncoming_bus
🚎 trolleybus
🚐 minibus
🚑 ambulance
🚒 fire_engine
🚓 police_car
🚔 oncoming_police_car
🚕 taxi
🚖 oncoming_taxi
🚗 automobile car red_car
🚘 oncoming_automobile
🚙 sport_utility_vehicle blue_car
🛻 pickup_truck
🚚 delivery_truck truck
🚛 articulated_lorry
🚜 tractor
🏎️ racing_car
🏍️ motorcycle
🛵 motor_scooter
🦽 manual_wheelchair
🦼 motorized_wheelchair
🛺 auto_rickshaw
🚲 bicycle bike
🛴 kick_scooter
🛹 skateboard
🛼 roller_skate
🚏 bus_stop busstop
🛣️ motorway
🛤️ railway_track
🛢️ oil_drum
⛽ fuel_pump fuelpump
🛞 wheel
🚨 police_car_light rotating_light
🚥 horizontal_traffic_light traffic_light
🚦 vertical_traffic_light
🛑 stop_sign
🚧 construction
⚓ anchor
🛟 ring_buoy
⛵ sailboat boat
🛶 canoe
🚤 speedboat
🛳️ passenger_ship
⛴️ ferry
🛥️ motor_boat
🚢 ship
✈️ airplane
🛩️ small_airplane
🛫 airplane_departure flight_departure
🛬 airplane_arrival flight_arrival
🪂 parachute
💺 seat
🚁 helicopter
🚟 suspension_railway
🚠 mountain_cableway
🚡 aerial_tramway
🛰️ satellite artificial_satellite
🚀 rocket
🛸 flying_saucer
🛎️ bellhop_bell
🧳 luggage
⌛ hourglass_done hourglass
⏳ hourglass_not_done hourglass_flowing_sand
⌚ watch
⏰ alarm_clock
⏱️ stopwatch
⏲️ timer_clock
🕰️ mantelpiece_clock
🕛 twelve_o_clock clock12
🕧 twelve-thirty clock1230
🕐 one_o_clock clock1
🕜 one-thirty clock130
🕑 two_o_clock clock2
🕝 two-thirty clock230
🕒 three_o_clock clock3
🕞 three-thirty clock330
🕓 four_o_clock clock4
🕟 four-thirty clock430
🕔 five_o_clock clock5
🕠 five-thirty clock530
🕕 six_o_clock clock6
🕡 six-thirty clock630
🕖 seven_o_clock clock7
🕢 seven-thirty clock730
🕗 eight_o_clock clock8
🕣 eight-thirty clock830
🕘 nine_o_clock clock9
🕤 nine-thirty clock930
🕙 ten_o_clock clock10
🕥 ten-thirty clock1030
🕚 eleven_o_clock clock11
🕦 eleven-thirty clock1130
🌑 new_moon
🌒 waxing_crescent_moon
🌓 first_quarter_moon
🌔 waxing_gibbous_moon moon
🌕 full_moon
🌖 waning_gibbous_moon
🌗 last_quarter_moon
🌘 waning_crescent_moon
🌙 crescent_moon
🌚 new_moon_face new_moon_with_face
🌛 first_quarter_moon_face first_quarter_moon_with_face
🌜 last_quarter_moon_face last_quarter_moon_with_face
🌡️ thermometer
☀️ sun sunny
🌝 full_moon_face full_moon_with_face
🌞 sun_with_face
🪐 ringed_planet
⭐ star
🌟 glowing_star star2
🌠 shooting_star stars
🌌 milky_way
☁️ cloud
⛅ sun_behind_cloud partly_sunny
⛈️ cloud_with_lightning_and_rain
🌤️ sun_behind_small_cloud
🌥️ sun_behind_large_cloud
🌦️ sun_behind_rain_cloud
🌧️ cloud_with_rain
🌨️ cloud_with_snow
🌩️ cloud_with_lightning
🌪️ tornado
🌫️ fog
🌬️ wind_face
🌀 cyclone
🌈 rainbow
🌂 closed_umbrella
☂️ umbrella open_umbrella
☔ umbrella_with_rain_drops umbrella
⛱️ umbrella_on_ground parasol_on_ground
⚡ high_voltage zap
❄️ snowflake
☃️ snowman snowman_with_snow
⛄ snowman_without_snow snowman
☄️ comet
🔥 fire
💧 droplet
🌊 water_wave ocean

🎃 jack-o-lantern jack_o_lantern
🎄 christmas_tree
🎆 fireworks
🎇 sparkler
🧨 firecracker
✨ sparkles
🎈 balloon
🎉 party_popper tada
🎊 confetti_ball
🎋 tanabata_tree
🎍 pine_decoration bamboo
🎎 japanese_dolls dolls
🎏 carp_streamer flags
🎐 wind_chime
🎑 moon_viewing_ceremony rice_scene
🧧 red_envelope
🎀 ribbon
🎁 wrapped_gift gift
🎗️ reminder_ribbon
🎟️ admission_tickets tickets
🎫 ticket
🎖️ military_medal medal_military
🏆 trophy
🏅 sports_medal medal_sports
🥇 1st_place_medal
🥈 2nd_place_medal
🥉 3rd_place_medal
⚽ soccer_ball soccer
⚾ baseball
🥎 softball
🏀 basketball
🏐 volleyball
🏈 american_football football
🏉 rugby_football
🎾 tennis
🥏 flying_disc
🎳 bowling
🏏 cricket_game
🏑 field_hockey
🏒 ice_hockey
🥍 lacrosse
🏓 ping_pong
🏸 badminton
🥊 boxing_glove
🥋 martial_arts_uniform
🥅 goal_net
⛳ flag_in_hole golf
⛸️ ice_skate
🎣 fishing_pole fishing_pole_and_fish
🤿 diving_mask
🎽 running_shirt running_shirt_with_sash
🎿 skis ski
🛷 sled
🥌 curling_stone
🎯 bullseye dart
🪀 yo-yo yo_yo
🪁 kite
🔫 water_pistol gun
🎱 pool_8_ball 8ball
🔮 crystal_ball
🪄 magic_wand
🎮 video_game
🕹️ joystick
🎰 slot_machine
🎲 game_die
🧩 puzzle_piece jigsaw
🧸 teddy_bear
🪅 piñata pinata
🪩 mirror_ball
🪆 nesting_dolls
♠️ spade_suit spades
♥️ heart_suit hearts
♦️ diamond_suit diamonds
♣️ club_suit clubs
♟️ chess_pawn
🃏 joker black_joker
🀄 mahjong_red_dragon mahjong
🎴 flower_playing_cards
🎭 performing_arts
🖼️ framed_picture
🎨 artist_palette art
🧵 thread
🪡 sewing_needle
🧶 yarn
🪢 knot

👓 glasses eyeglasses
🕶️ sunglasses dark_sunglasses
🥽 goggles
🥼 lab_coat
🦺 safety_vest
👔 necktie
👕 t-shirt shirt tshirt
👖 jeans
🧣 scarf
🧤 gloves
🧥 coat
🧦 socks
👗 dress
👘 kimono
🥻 sari
🩱 one-piece_swimsuit one_piece_swimsuit
🩲 briefs swim_brief
🩳 shorts
👙 bikini
👚 woman_s_clothes womans_clothes
🪭 folding_hand_fan
👛 purse
👜 handbag
👝 clutch_bag pouch
🛍️ shopping_bags shopping
🎒 backpack school_satchel
🩴 thong_sandal
👞 man_s_shoe mans_shoe shoe
👟 running_shoe athletic_shoe
🥾 hiking_boot
🥿 flat_shoe
👠 high-heeled_shoe high_heel
👡 woman_s_sandal sandal
🩰 ballet_shoes
👢 woman_s_boot boot
🪮 hair_pick
👑 crown
👒 woman_s_hat womans_hat
🎩 top_hat tophat
🎓 graduation_cap mortar_board
🧢 billed_cap
🪖 military_helmet
⛑️ rescue_worker_s_helmet rescue_worker_helmet
📿 prayer_beads
💄 lipstick
💍 ring
💎 gem_stone gem
🔇 muted_speaker mute
🔈 speaker_low_volume speaker
🔉 speaker_medium_volume sound
🔊 speaker_high_volume loud_sound
📢 loudspeaker
📣 megaphone mega
📯 postal_horn
🔔 bell
🔕 bell_with_slash no_bell
🎼 musical_score
🎵 musical_note
🎶 musical_notes notes
🎙️ studio_microphone
🎚️ level_slider
🎛️ control_knobs
🎤 microphone
🎧 headphone headphones
📻 radio
🎷 saxophone
🎺 trumpet
🪗 accordion
🎸 guitar
🎹 musical_keyboard
🎻 violin
🪕 banjo
🥁 drum
🪘 long_drum
🪇 maracas
🪈 flute
📱 mobile_phone iphone
📲 mobile_phone_with_arrow calling
☎️ telephone phone
📞 telephone_receiver
📟 pager
📠 fax_machine fax
🔋 battery
🪫 low_battery
🔌 electric_plug
💻 laptop computer
🖥️ desktop_computer
🖨️ printer
⌨️ keyboard
🖱️ computer_mouse
🖲️ trackball
💽 computer_disk minidisc
💾 floppy_disk
💿 optical_disk cd
📀 dvd
🧮 abacus
🎥 movie_camera
🎞️ film_frames film_strip
📽️ film_projector
🎬 clapper_board clapper
📺 television tv
📷 camera
📸 camera_with_flash camera_flash
📹 video_camera
📼 videocassette vhs
🔍 magnifying_glass_tilted_left mag
🔎 magnifying_glass_tilted_right mag_right
🕯️ candle
💡 light_bulb bulb
🔦 flashlight
🏮 red_paper_lantern izakaya_lantern lantern
🪔 diya_lamp
📔 notebook_with_decorative_cover
📕 closed_book
📖 open_book book
📗 green_book
📘 blue_book
📙 orange_book
📚 books
📓 notebook
📒 ledger
📃 page_with_curl
📜 scroll
📄 page_facing_up
📰 newspaper
🗞️ rolled-up_newspaper newspaper_roll
📑 bookmark_tabs
🔖 bookmark
🏷️ label
🪙 coin
💰 money_bag moneybag
💴 yen_banknote yen
💵 dollar_banknote dollar
💶 euro_banknote euro
💷 pound_banknote pound
💸 money_with_wings
💳 credit_card
🧾 receipt
💹 chart_increasing_with_yen chart
✉️ envelope
📧 e-mail email
📨 incoming_envelope
📩 envelope_with_arrow
📤 outbox_tray
📥 inbox_tray
📦 package
📫 closed_mailbox_with_raised_flag mailbox
📪 closed_mailbox_with_lowered_flag mailbox_closed
📬 open_mailbox_with_raised_flag mailbox_with_mail
📭 open_mailbox_with_lowered_flag mailbox_with_no_mail
📮 postbox
🗳️ ballot_box_with_ballot ballot_box
✏️ pencil pencil2
✒️ black_nib
🖋️ fountain_pen
🖊️ pen
🖌️ paintbrush
🖍️ crayon
📝 memo pencil
💼 briefcase
📁 file_folder
📂 open_file_folder
🗂️ card_index_dividers
📅 calendar date
📆 tear-off_calendar calendar
🗒️ spiral_notepad
🗓️ spiral_calendar
📇 card_index
📈 chart_increasing chart_with_upwards_trend
📉 chart_decreasing chart_with_downwards_trend
📊 bar_chart
📋 clipboard
📌 pushpin
📍 round_pushpin
📎 paperclip
🖇️ linked_paperclips paperclips
📏 straight_ruler
📐 triangular_ruler
✂️ scissors
🗃️ card_file_box
🗄️ file_cabinet
🗑️ wastebasket
🔒 locked lock
🔓 unlocked unlock
🔏 locked_with_pen lock_with_ink_pen
🔐 locked_with_key closed_lock_with_key
🔑 key
🗝️ old_key
🔨 hammer
🪓 axe
⛏️ pick
⚒️ hammer_and_pick
🛠️ hammer_and_wrench
🗡️ dagger
⚔️ crossed_swords
💣 bomb
🪃 boomerang
🏹 bow_and_arrow
🛡️ shield
🪚 carpentry_saw
🔧 wrench
🪛 screwdriver
🔩 nut_and_bolt
⚙️ gear
🗜️ clamp
⚖️ balance_scale
🦯 white_cane probing_cane
🔗 link
⛓️ chains
🪝 hook
🧰 toolbox
🧲 magnet
🪜 ladder
⚗️ alembic
🧪 test_tube
🧫 petri_dish
🧬 dna
🔬 microscope
🔭 telescope
📡 satellite_antenna satellite
💉 syringe
🩸 drop_of_blood
💊 pill
🩹 adhesive_bandage
🩼 crutch
🩺 stethoscope
🩻 x-ray x_ray
🚪 door
🛗 elevator
🪞 mirror
🪟 window
🛏️ bed
🛋️ couch_and_lamp
🪑 chair
🚽 toilet
🪠 plunger
🚿 shower
🛁 bathtub
🪤 mouse_trap
🪒 razor
🧴 lotion_bottle
🧷 safety_pin
🧹 broom
🧺 basket
🧻 roll_of_paper
🪣 bucket
🧼 soap
🫧 bubbles
🪥 toothbrush
🧽 sponge
🧯 fire_extinguisher
🛒 shopping_cart
🚬 cigarette smoking
⚰️ coffin
🪦 headstone
⚱️ funeral_urn
🧿 nazar_amulet
🪬 hamsa
🗿 moai moyai
🪧 placard
🪪 identification_card

🏧 atm_sign atm
🚮 litter_in_bin_sign put_litter_in_its_place
🚰 potable_water
♿ wheelchair_symbol wheelchair
🚹 men_s_room mens
🚺 women_s_room womens
🚻 restroom
🚼 baby_symbol
🚾 water_closet wc
🛂 passport_control
🛃 customs
🛄 baggage_claim
🛅 left_luggage
⚠️ warning
🚸 children_crossing
⛔ no_entry
🚫 prohibited no_entry_sign
🚳 no_bicycles
🚭 no_smoking
🚯 no_littering do_not_litter
🚱 non-potable_water
🚷 no_pedestrians
📵 no_mobile_phones
🔞 no_one_under_eighteen underage
☢️ radioactive
☣️ biohazard
⬆️ up_arrow arrow_up
↗️ up-right_arrow arrow_upper_right
➡️ right_arrow arrow_right
↘️ down-right_arrow arrow_lower_right
⬇️ down_arrow arrow_down
↙️ down-left_arrow arrow_lower_left
⬅️ left_arrow arrow_left
↖️ up-left_arrow arrow_upper_left
↕️ up-down_arrow arrow_up_down
↔️ left-right_arrow left_right_arrow
↩️ right_arrow_curving_left leftwards_arrow_with_hook
↪️ left_arrow_curving_right arrow_right_hook
⤴️ right_arrow_curving_up arrow_heading_up
⤵️ right_arrow_curving_down arrow_heading_down
🔃 clockwise_vertical_arrows arrows_clockwise
🔄 counterclockwise_arrows_button arrows_counterclockwise
🔙 back_arrow back
🔚 end_arrow end
🔛 on_arrow on
🔜 soon_arrow soon
🔝 top_arrow top
🛐 place_of_worship
⚛️ atom_symbol
🕉️ om
✡️ star_of_david
☸️ wheel_of_dharma
☯️ yin_yang
✝️ latin_cross
☦️ orthodox_cross
☪️ star_and_crescent
☮️ peace_symbol
🕎 menorah
🔯 dotted_six-pointed_star six_pointed_star
🪯 khanda
♈ aries
♉ taurus
♊ gemini
♋ cancer
♌ leo
♍ virgo
♎ libra
♏ scorpio scorpius
♐ sagittarius
♑ capricorn
♒ aquarius
♓ pisces
⛎ ophiuchus
🔀 shuffle_tracks_button twisted_rightwards_arrows
🔁 repeat_button repeat
🔂 repeat_single_button repeat_one
▶️ play_button arrow_forward
⏩ fast-forward_button fast_forward
⏭️ next_track_button
⏯️ play_or_pause_button
◀️ reverse_button arrow_backward
⏪ fast_reverse_button rewind
⏮️ last_track_button previous_track_button
🔼 upwards_button arrow_up_small
⏫ fast_up_button arrow_double_up
🔽 downwards_button arrow_down_small
⏬ fast_down_button arrow_double_down
⏸️ pause_button
⏹️ stop_button
⏺️ record_button
⏏️ eject_button
🎦 cinema
🔅 dim_button low_brightness
🔆 bright_button high_brightness
📶 antenna_bars signal_strength
🛜 wireless
📳 vibration_mode
📴 mobile_phone_off
⚧️ transgender_symbol
✖️ multiply heavy_multiplication_x
➕ plus heavy_plus_sign
➖ minus heavy_minus_sign
➗ divide heavy_division_sign
🟰 heavy_equals_sign
♾️ infinity
‼️ double_exclamation_mark bangbang
⁉️ exclamation_question_mark interrobang
❓ red_question_mark question
❔ white_question_mark grey_question
❕ white_exclamation_mark grey_exclamation
❗ red_exclamation_mark exclamation heavy_exclamation_mark
〰️ wavy_dash
💱 currency_exchange
💲 heavy_dollar_sign
⚕️ medical_symbol
♻️ recycling_symbol recycle
⚜️ fleur-de-lis fleur_de_lis
🔱 trident_emblem trident
📛 name_badge
🔰 japanese_symbol_for_beginner beginner
⭕ hollow_red_circle o
✅ check_mark_button white_check_mark
☑️ check_box_with_check ballot_box_with_check
✔️ check_mark heavy_check_mark
❌ cross_mark x
❎ cross_mark_button negative_squared_cross_mark
➰ curly_loop
➿ double_curly_loop loop
〽️ part_alternation_mark
✳️ eight-spoked_asterisk eight_spoked_asterisk
✴️ eight-pointed_star eight_pointed_black_star
❇️ sparkle
©️ copyright
®️ registered
™️ trade_mark tm
#️⃣ keycap hash
*️⃣ keycap asterisk
0️⃣ keycap_0 zero
1️⃣ keycap_1 one
2️⃣ keycap_2 two
3️⃣ keycap_3 three
4️⃣ keycap_4 four
5️⃣ keycap_5 five
6️⃣ keycap_6 six
7️⃣ keycap_7 seven
8️⃣ keycap_8 eight
9️⃣ keycap_9 nine
🔟 keycap_10 keycap_ten
🔠 input_latin_uppercase capital_abcd
🔡 input_latin_lowercase abcd
🔢 input_numbers 1234
🔣 input_symbols symbols
🔤 input_latin_letters abc
🅰️ a_button_blood_type a
🆎 ab_button_blood_type ab
🅱️ b_button_blood_type b
🆑 cl_button cl
🆒 cool_button cool
🆓 free_button free
ℹ️ information information_source
🆔 id_button id
Ⓜ️ circled_m m
🆕 new_button new
🆖 ng_button ng
🅾️ o_button_blood_type o2
🆗 ok_button ok
🅿️ p_button parking
🆘 sos_button sos
🆙 up_button up
🆚 vs_button vs
🈁 japanese_here_button koko
🈂️ japanese_service_charge_button sa
🈷️ japanese_monthly_amount_button u6708
🈶 japanese_not_free_of_charge_button u6709
🈯 japanese_reserved_button u6307
🉐 japanese_bargain_button ideograph_advantage
🈹 japanese_discount_button u5272
🈚 japanese_free_of_charge_button u7121
🈲 japanese_prohibited_button u7981
🉑 japanese_acceptable_button accept
🈸 japanese_application_button u7533
🈴 japanese_passing_grade_button u5408
🈳 japanese_vacancy_button u7a7a
㊗️ japanese_congratulations_button congratulations
㊙️ japanese_secret_button secret
🈺 japanese_open_for_business_button u55b6
🈵 japanese_no_vacancy_button u6e80
🔴 red_circle
🟠 orange_circle
🟡 yellow_circle
🟢 green_circle
🔵 blue_circle large_blue_circle
🟣 purple_circle
🟤 brown_circle
⚫ black_circle
⚪ white_circle
🟥 red_square
🟧 orange_square
🟨 yellow_square
🟩 green_square
🟦 blue_square
🟪 purple_square
🟫 brown_square
⬛ black_large_square
⬜ white_large_square
◼️ black_medium_square
◻️ white_medium_square
◾ black_medium-small_square black_medium_small_square
◽ white_medium-small_square white_medium_small_square
▪️ black_small_square
▫️ white_small_square
🔶 large_orange_diamond
🔷 large_blue_diamond
🔸 small_orange_diamond
🔹 small_blue_diamond
🔺 red_triangle_pointed_up small_red_triangle
🔻 red_triangle_pointed_down small_red_triangle_down
💠 diamond_with_a_dot diamond_shape_with_a_dot_inside
🔘 radio_button
🔳 white_square_button
🔲 black_square_button

🏁 chequered_flag checkered_flag
🚩 triangular_flag triangular_flag_on_post
🎌 crossed_flags
🏴 black_flag
🏳️ white_flag
🏳️‍🌈 rainbow_flag
🏳️‍⚧️ transgender_flag
🏴‍☠️ pirate_flag
🇦🇨
🇦🇩
🇦🇪
🇦🇫
🇦🇬
🇦🇮
🇦🇱
🇦🇲
🇦🇴
🇦🇶
🇦🇷
🇦🇸
🇦🇹
🇦🇺
🇦🇼
🇦🇽
🇦🇿
🇧🇦
🇧🇧
🇧🇩
🇧🇪
🇧🇫
🇧🇬
🇧🇭
🇧🇮
🇧🇯
🇧🇱
🇧🇲
🇧🇳
🇧🇴
🇧🇶
🇧🇷
🇧🇸
🇧🇹
🇧🇻
🇧🇼
🇧🇾
🇧🇿
🇨🇦
🇨🇨
🇨🇩
🇨🇫
🇨🇬
🇨🇭
🇨🇮
🇨🇰
🇨🇱
🇨🇲
🇨🇳
🇨🇴
🇨🇵
🇨🇷
🇨🇺
🇨🇻
🇨🇼
🇨🇽
🇨🇾
🇨🇿
🇩🇪
🇩🇬
🇩🇯
🇩🇰
🇩🇲
🇩🇴
🇩🇿
🇪🇦
🇪🇨
🇪🇪
🇪🇬
🇪🇭
🇪🇷
🇪🇸
🇪🇹
🇪🇺
🇫🇮
🇫🇯
🇫🇰
🇫🇲
🇫🇴
🇫🇷
🇬🇦
🇬🇧
🇬🇩
🇬🇪
🇬🇫
🇬🇬
🇬🇭
🇬🇮
🇬🇱
🇬🇲
🇬🇳
🇬🇵
🇬🇶
🇬🇷
🇬🇸
🇬🇹
🇬🇺
🇬🇼
🇬🇾
🇭🇰
🇭🇲
🇭🇳
🇭🇷
🇭🇹
🇭🇺
🇮🇨
🇮🇩
🇮🇪
🇮🇱
🇮🇲
🇮🇳
🇮🇴
🇮🇶
🇮🇷
🇮🇸
🇮🇹
🇯🇪
🇯🇲
🇯🇴
🇯🇵
🇰🇪
🇰🇬
🇰🇭
🇰🇮
🇰🇲
🇰🇳
🇰🇵
🇰🇷
🇰🇼
🇰🇾
🇰🇿
🇱🇦
🇱🇧
🇱🇨
🇱🇮
🇱🇰
🇱🇷
🇱🇸
🇱🇹
🇱🇺
🇱🇻
🇱🇾
🇲🇦
🇲🇨
🇲🇩
🇲🇪
🇲🇫
🇲🇬
🇲🇭
🇲🇰
🇲🇱
🇲🇲
🇲🇳
🇲🇴
🇲🇵
🇲🇶
🇲🇷
🇲🇸
🇲🇹
🇲🇺
🇲🇻
🇲🇼
🇲🇽
🇲🇾
🇲🇿
🇳🇦
🇳🇨
🇳🇪
🇳🇫
🇳🇬
🇳🇮
🇳🇱
🇳🇴
🇳🇵
🇳🇷
🇳🇺
🇳🇿
🇴🇲
🇵🇦
🇵🇪
🇵🇫
🇵🇬
🇵🇭
🇵🇰
🇵🇱
🇵🇲
🇵🇳
🇵🇷
🇵🇸
🇵🇹
🇵🇼
🇵🇾
🇶🇦
🇷🇪
🇷🇴
🇷🇸
🇷🇺
🇷🇼
🇸🇦
🇸🇧
🇸🇨
🇸🇩
🇸🇪
🇸🇬
🇸🇭
🇸🇮
🇸🇯
🇸🇰
🇸🇱
🇸🇲
🇸🇳
🇸🇴
🇸🇷
🇸🇸
🇸🇹
🇸🇻
🇸🇽
🇸🇾
🇸🇿
🇹🇦
🇹🇨
🇹🇩
🇹🇫
🇹🇬
🇹🇭
🇹🇯
🇹🇰
🇹🇱
🇹🇲
🇹🇳
🇹🇴
🇹🇷
🇹🇹
🇹🇻
🇹🇼
🇹🇿
🇺🇦
🇺🇬
🇺🇲
🇺🇳
🇺🇸
🇺🇾
🇺🇿
🇻🇦
🇻🇨
🇻🇪
🇻🇬
🇻🇮
🇻🇳
🇻🇺
🇼🇫
🇼🇸
🇽🇰
🇾🇪
🇾🇹
🇿🇦
🇿🇲
🇿🇼
🏴󠁧󠁢󠁥󠁮󠁧󠁿 flag_england england
🏴󠁧󠁢󠁳󠁣󠁴󠁿 flag_scotland scotland
🏴󠁧󠁢󠁷󠁬󠁳󠁿 flag_wales wales`;
